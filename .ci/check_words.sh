#!/usr/bin/env bash
# .ci/check_words.sh: nothing in the text that should not be there
#
# Paths of one machine, TODO without an issue, // comments in C, white space at
# the end of a line, conflict marks.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

problems=$(project_files | perl -ne '
	use strict; use warnings;
	chomp(my $path = $_);
	# Expected output is what a program printed; this file names what it seeks.
	my $printed = $path =~ m{^expected/};
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
		$say->("white space at the end of the line") if !$printed && $line =~ /[ \t\r]$/;
		$say->("conflict mark") if $line =~ /^(<<<<<<<|>>>>>>>)( |$)/;
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
') || problems+="the rule itself failed"
verdict words "$problems"
