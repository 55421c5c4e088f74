#!/usr/bin/env bash
# .ci/check_meta.sh: META.json is what PGXN takes
#
# The files that it names are there, and PGXN's own validate_pgxn_meta, where it
# is installed, finds it valid.  (Debian has no package of it; on CPAN it is part
# of PGXN::Meta::Validator.)

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

problems=$(
	perl -MJSON::PP -0777 -ne '
		my $provides = decode_json($_)->{provides};
		for my $extension (sort keys %$provides)
		{
			for my $key (qw(file docfile))
			{
				my $file = $provides->{$extension}{$key};
				print "META.json: $key $file is not there\n" if defined $file && !-f $file;
			}
		}' META.json 2>&1 || printf 'META.json: could not be read\n'
	! command -v validate_pgxn_meta >/dev/null || validate_pgxn_meta META.json 2>&1 >/dev/null
)
verdict meta "$problems"
