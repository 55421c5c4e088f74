#!/usr/bin/env bash
# .ci/check_version.sh: one version, written in migrate.control
#
# META.json has to repeat it, CHANGELOG.md begins with it.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

version=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" migrate.control)
changelog=$(sed -n 's/^## *\([^ ]*\).*/\1/p' CHANGELOG.md | head -n 1)

problems=$(
	printf '%s\n' "$version" |
		grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+(-[0-9a-z]+)?' ||
		printf 'migrate.control: "%s" is not of the form 1.2.3 or 1.2.3-dev\n' "$version"
	perl -MJSON::PP -e '
		local $/;
		my $version = shift;
		my $meta = eval { decode_json(scalar <STDIN>) }
			or print("META.json: not valid JSON: $@"), exit;
		my %found = (version => $meta->{version},
			"provides.migrate.version" => $meta->{provides}{migrate}{version});
		for my $key (sort keys %found)
		{
			my $value = $found{$key} // "";
			print "META.json: $key is \"$value\", migrate.control says \"$version\"\n"
				if $value ne $version;
		}' "$version" <META.json
	[ "$changelog" = "$version" ] ||
		printf 'CHANGELOG.md: begins with %s, migrate.control says %s\n' \
			"${changelog:-no version}" "$version"
)
verdict version "$problems"
