/*
 * run_segment.h
 *	  One step in several transactions, with checkpoints.
 */
#ifndef RUN_SEGMENT_H
#define RUN_SEGMENT_H

#include "run_step.h"
#include "tab_checkpoint.h"

extern bool mig_run_segment_needed(const MigStepRun *run,
								   const MigPartial *partial);
extern void mig_run_segments(MigStepRun *run, const MigPartial *partial,
							 bool toplevel);
extern void mig_run_segment_commit(MigStepRun *run,
								   const MigSegment *segment);

#endif							/* RUN_SEGMENT_H */
