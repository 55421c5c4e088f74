#!/usr/bin/env bash
# .ci/check_meta.sh: META.json is what PGXN takes
#
# The files that it names are there, no address is made up, a version that is
# released says where the project is, and PGXN's own validate_pgxn_meta, where it
# is installed, finds it valid.  (Debian has no package of it; on CPAN it is part
# of PGXN::Meta::Validator.)

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

problems=$(
	perl -MJSON::PP -0777 -ne '
		my $meta = decode_json($_);
		my $provides = $meta->{provides};
		for my $extension (sort keys %$provides)
		{
			for my $key (qw(file docfile))
			{
				my $file = $provides->{$extension}{$key};
				print "META.json: $key $file is not there\n" if defined $file && !-f $file;
			}
		}
		my $resources = $meta->{resources} // {};
		for my $key (qw(homepage bugtracker repository))
		{
			print "META.json: no $key in resources, where the version is released\n"
			  if ($meta->{release_status} // "stable") eq "stable" && !$resources->{$key};
			for my $address (ref $resources->{$key} ? values %{ $resources->{$key} } : $resources->{$key} // ())
			{
				print "META.json: $key $address does not exist\n"
				  if $address =~ m{[@/.](?:localhost|invalid|test|example(?:\.\w+)?)(?:[:/]|\z)};
			}
		}' META.json 2>&1 || printf 'META.json: could not be read\n'
	! command -v validate_pgxn_meta >/dev/null || validate_pgxn_meta META.json 2>&1 >/dev/null
)
verdict meta "$problems"
