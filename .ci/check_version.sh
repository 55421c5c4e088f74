#!/usr/bin/env bash
# .ci/check_version.sh: one version, written in migrate.control
#
# META.json has to repeat it, CHANGELOG.md and debian/changelog begin with it.
# Whether it is released is said by all or by none: 1.1.0-dev, "unstable",
# "(unreleased)", 1.1.0~dev and UNRELEASED.  The script of a version that is
# released is in extension/released/.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

version=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" migrate.control)
heading=$(sed -n '/^## /{p;q}' CHANGELOG.md)
changelog=$(printf '%s\n' "$heading" | sed -n 's/^## *\([^ ]*\).*/\1/p')
packaged=$(sed -n '1s/^[^ ]* (\(.*\)-[^-]*) \([^;]*\);.*/\1 \2/p' debian/changelog)

problems=$(
	printf '%s\n' "$version" |
		grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+(-[0-9a-z]+)?' ||
		printf 'migrate.control: "%s" is not of the form 1.2.3 or 1.2.3-dev\n' "$version"
	perl -MJSON::PP -e '
		local $/;
		my $version = shift;
		my $meta = eval { decode_json(scalar <STDIN>) };
		ref $meta eq "HASH" or print("META.json: ", $@ || "no JSON object\n"), exit;
		my %found = (version => $meta->{version},
			"provides.migrate.version" => $meta->{provides}{migrate}{version});
		for my $key (sort keys %found)
		{
			my $value = $found{$key} // "";
			print "META.json: $key is \"$value\", migrate.control says \"$version\"\n"
				if $value ne $version;
		}
		my $status = $meta->{release_status} // "stable";
		print "META.json: release_status is \"$status\", the version is $version\n"
			if ($status eq "stable") != ($version !~ /-/);
		' "$version" <META.json || printf 'META.json: could not be read\n'
	[ "$changelog" = "$version" ] ||
		printf 'CHANGELOG.md: begins with %s, migrate.control says %s\n' \
			"${changelog:-no version}" "$version"
	case $version in
		*-*) wanted='unreleased' suite=UNRELEASED ;;
		*)
			wanted='[0-9]{4}-[0-9]{2}-[0-9]{2}' suite=unstable
			find extension/released -name "*--$version.sql" | grep -q . ||
				printf 'extension/released: no script ends with %s, migrate.control says it is released\n' "$version"
			;;
	esac
	[ "$packaged" = "${version/-/\~} $suite" ] ||
		printf 'debian/changelog: begins with %s, migrate.control says %s\n' \
			"${packaged:-no version}" "$version"
	printf '%s\n' "$heading" | grep -Eqx "## [^ ]+ \($wanted\)" ||
		printf 'CHANGELOG.md: "%s" does not end with (%s)\n' "$heading" "$wanted"
)
verdict version "$problems"
