#!/usr/bin/env bash
# .ci/check_meta.sh: META.json is what PGXN takes
#
# By version 1.0.0 of its specification, https://pgxn.org/spec/; and the files
# that it names are there.

# shellcheck source=.ci/lib.sh
. "$(dirname "$0")/lib.sh"

problems=$(perl - META.json <<'END'
use strict;
use warnings;

use JSON::PP;

my ($path) = @ARGV;
open my $handle, '<', $path or die "$path: $!";
my $meta = eval { decode_json(do { local $/; <$handle> }) };
if (ref $meta ne 'HASH')
{
	print "$path: no JSON object\n";
	exit;
}

my $text = sub { defined $_[0] && !ref $_[0] && $_[0] =~ /\S/ };
my $texts = sub { ref $_[0] eq 'ARRAY' && @{ $_[0] } && !grep { !$text->($_) } @{ $_[0] } };
my $text_or_texts = sub { $text->($_[0]) || $texts->($_[0]) };
my $version = sub { $text->($_[0]) && $_[0] =~ /^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[A-Za-z][0-9A-Za-z-]*)?$/ };
my $range = sub { $text->($_[0]) && !grep { !/^\s*(>=|<=|==|!=|>|<)?\s*(\S+)\s*$/ || ($2 ne '0' && !$version->($2)) } split /,/, $_[0] };
my $url = sub { $text->($_[0]) && $_[0] =~ m{^https?://\S+$} };
my $one_of = sub { my %known = map { $_ => 1 } @_; sub { $text->($_[0]) && $known{ $_[0] } } };
my $each = sub { my ($name, $value) = @_; sub { ref $_[0] eq 'HASH' && %{ $_[0] } && !grep { !$name->($_) || !$value->($_[0]{$_}) } keys %{ $_[0] } } };
my $license = $one_of->(qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3
	  lgpl_2_1 lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib
	  open_source restricted unrestricted unknown));
# A term of an extension, and of a distribution
my $term = sub { $text->($_[0]) && length $_[0] > 1 && $_[0] !~ m{[[:space:][:cntrl:]/\\]} };
my $file = sub { $text->($_[0]) && -f $_[0] };
my %provided = (file => $file, version => $version, abstract => $text, docfile => $file);
my $provides = sub
{
	my ($extension) = @_;
	return 0 if ref $extension ne 'HASH' || !$extension->{file} || !$extension->{version};
	return !grep { !/^x_/i && !($provided{$_} && $provided{$_}->($extension->{$_})) } keys %$extension;
};
my $relations = $each->($one_of->(qw(requires recommends suggests conflicts)), $each->($term, $range));

my %required = (
	abstract => $text,
	license => sub { ref $_[0] eq 'HASH' ? $each->($text, $url)->($_[0]) : ref $_[0] eq 'ARRAY' ? !grep { !$license->($_) } @{ $_[0] } : $license->($_[0]) },
	maintainer => $text_or_texts,
	'meta-spec' => sub { ref $_[0] eq 'HASH' && ($_[0]{version} // '') eq '1.0.0' && (!defined $_[0]{url} || $url->($_[0]{url})) },
	name => $term,
	provides => $each->($term, $provides),
	version => $version);
my %optional = (
	description => $text,
	generated_by => $text,
	no_index => $each->($one_of->(qw(file directory)), $text_or_texts),
	prereqs => $each->($one_of->(qw(configure build test runtime develop)), $relations),
	release_status => $one_of->(qw(stable testing unstable)),
	resources => sub { ref $_[0] eq 'HASH' },
	tags => sub { $texts->($_[0]) && !grep { length > 255 || m{[[:cntrl:]/\\]} } @{ $_[0] } });

foreach my $key (sort keys %required)
{
	print "$path: $key is missing\n" if !exists $meta->{$key};
}
foreach my $key (sort keys %$meta)
{
	my $good = $required{$key} // $optional{$key} // ($key =~ /^x_/i ? sub { 1 } : undef);
	print "$path: $key is not in the specification\n" if !$good;
	print "$path: $key is not what the specification asks for\n" if $good && !$good->($meta->{$key});
}
END
) || problems+="the rule itself failed"
verdict meta "$problems"
