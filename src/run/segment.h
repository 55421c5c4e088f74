/*
 * segment.h
 *	  One step in several transactions, with checkpoints.
 */
#ifndef MIG_RUN_SEGMENT_H
#define MIG_RUN_SEGMENT_H

#include "run/step.h"
#include "tables/partial.h"

extern bool mig_run_segment_needed(const MigStepRun *run,
								   const MigPartial *partial);
extern void mig_run_segments(MigStepRun *run, const MigPartial *partial,
							 bool toplevel);
extern void mig_run_segment_commit(MigStepRun *run,
								   const MigSegment *segment);

#endif							/* MIG_RUN_SEGMENT_H */
