#!/usr/bin/env bash
# .ci/check_words.sh: nothing in the text that should not be there
#
# Paths of one machine, TODO without an issue, // comments in C, a file without a
# line feed at its end; by git, white space at the end of a line and conflict
# marks.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

# As if all of it were new, in a repository that is thrown away: this may be
# a copy without one.
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
in_scratch()
{
	git --git-dir="$scratch" --work-tree=. "$@"
}
if ! git init -q --bare "$scratch" || ! in_scratch add -A; then
	verdict words "git could not read the files"
fi

problems=$(
	in_scratch diff --cached --check "$(git hash-object -t tree /dev/null)" | grep -v '^+'
	project_files | perl -ne '
		use strict; use warnings;
		chomp(my $path = $_);
		# This file names what it seeks.
		my $rule = $path eq ".ci/check_words.sh";
		next if -B $path && !-z $path;
		open my $file, "<", $path or next;
		my $text = do { local $/; <$file> } // "";
		print "$path: no line feed at the end\n" if $text ne "" && $text !~ /\n\z/;
		my $number = 0;
		for my $line (split /\n/, $text)
		{
			$number++;
			my $say = sub { print "$path:$number: $_[0]\n" };
			next if $rule;
			$say->("a path of one machine: $1")
			  if $line =~ m%(?<![\w./}-])(/(?:work|root|home|tmp)/[\w.-]+)%;
			$say->("TODO without an issue number")
			  if $line =~ /\b(TODO|FIXME|XXX)\b(?!\s*\(?#\d)/;
		}
		next if $path !~ /\.[ch]$/;
		$text =~ s{("(?:\\.|[^"\\\n])*")|(/\*.*?\*/)|(\x27(?:\\.|[^\x27\\])\x27)}
			{ join("", ($2 // "") =~ /\n/g) }gsex;
		$number = 0;
		for my $line (split /\n/, $text)
		{
			$number++;
			print "$path:$number: // comment\n" if $line =~ m{//};
		}
	' || printf 'the rule itself failed\n'
)
verdict words "$problems"
