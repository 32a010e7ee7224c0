# Looks at the picture in a VM's memory, and copies what changed in it to where the VM's streamer sees it.
#
# 3: the monitor's memory, to be read alone.  4: memory shared with the streamer, to be written alone.
# 5: to the streamer. It says, a byte each: w look, z do not look, i something was put in, k taken over.
#    It hears: generation, then which of 64 bands of rows are new, 12 bytes in all; nothing more until `k`.
# 0: from the host, lines: GENERATION HEIGHT STRIDE ADDRESS LENGTH [ADDRESS LENGTH ...], the picture's places in 3
#    row after row; or `none`. Its end is ours.
#
# It interprets no pixel, and the host has checked each place. Perl, because it is in every Debian.
use strict;
use warnings;
use Time::HiRes qw(time);

# Seconds between two looks: something is expected, nothing is, nothing changed for long.
my ($soon, $later, $rarely) = (0.008, 0.080, 0.200);
# Least seconds from a change to the next look: a repaint takes as long, and no stream has more pictures.
my $between = 0.020;
# Seconds for which something is expected: after input, after a change of more bands than this, since a caret that blinks or
# a small thing that turns does not need it. And what is long.
my ($after_input, $after_change, $few, $long) = (1.0, 0.5, 8, 10);
# A look is at one row in so many, each time at others.
my $step = 16;

open(my $memory, '<&=', 3) or die "no memory: $!\n";
open(my $picture, '+<&=', 4) or die "no picture: $!\n";
open(my $streamer, '+<&=', 5) or die "no streamer: $!\n";
binmode $_ for $memory, $picture, $streamer;

my ($generation, $height, $stride, @rows) = (0, 0, 0);
my ($watched, $waiting, $phase, $lines, $old, $seen) = (0, 0, 0, '', '', undef);
my ($soon_until, $changed_at, $closely) = (0, 0, 0);

# The parts of each row, as [address, length] one after another.
sub map_rows {
  my @runs = @_;
  my @result;
  my ($address, $left) = splice(@runs, 0, 2);
  for my $row (0 .. $height - 1) {
    my ($need, @parts) = ($stride);
    while ($need > 0) {
      ($address, $left) = splice(@runs, 0, 2) if $left == 0;
      my $take = $need < $left ? $need : $left;
      push @parts, $address, $take;
      $address += $take; $left -= $take; $need -= $take;
    }
    $result[$row] = \@parts;
  }
  return @result;
}

sub take {
  my ($line) = @_;
  my @words = split / /, $line;
  $seen = undef;
  return $height = 0 if $line !~ /^[0-9 ]+$/ || @words < 5;
  ($generation, $height, $stride) = splice(@words, 0, 3);
  @rows = map_rows(@words);
  $waiting = 0;
  $old = '';
}

sub append {
  my ($address, $length) = @_;
  sysseek($memory, $address, 0) or die "seek: $!\n";
  my $got = sysread($memory, $_[2], $length, length $_[2]);
  # A VM that ended has no memory any more. Should it be another reason, the streamer has the picture by VNC from now on.
  exit 0 if !defined $got || $got != $length;
}

sub read_rows {
  my $into = '';
  my ($at, $length) = (-1, 0);
  for my $row (@_) {
    my $parts = $rows[$row];
    for (my $i = 0; $i < @$parts; $i += 2) {
      if ($parts->[$i] == $at + $length) { $length += $parts->[$i + 1]; next }
      append($at, $length, $into) if $length > 0;
      ($at, $length) = ($parts->[$i], $parts->[$i + 1]);
    }
  }
  append($at, $length, $into);
  return $into;
}

# Has any row that is looked at now changed?
sub differs {
  my @some = grep { $_ < $height } map { $_ * $step + $phase } 0 .. int($height / $step);
  $phase = ($phase * 5 + 7) % $step;
  return 0 if !@some;
  my $now = read_rows(@some);
  my $at = 0;
  for my $row (@some) {
    return 1 if substr($now, $at, $stride) ne substr($old, $row * $stride, $stride);
    $at += $stride;
  }
  return 0;
}

sub look {
  my $whole = !defined $seen;
  return if !$whole && !$closely && !differs();
  $closely = 0;
  my $rows = int(($height + 63) / 64);
  my ($bits, $new) = ('', 0);
  $old = "\0" x ($height * $stride) if $whole;
  for (my ($index, $row) = (0, 0); $row < $height; $index++, $row += $rows) {
    my $last = $row + $rows < $height ? $row + $rows - 1 : $height - 1;
    my ($at, $length) = ($row * $stride, ($last - $row + 1) * $stride);
    my $now = read_rows($row .. $last);
    my $is_new = $whole || $now ne substr($old, $at, $length);
    vec($bits, $index, 1) = $is_new;
    next if !$is_new;
    $new++;
    substr($old, $at, $length) = $now;
    sysseek($picture, $at, 0) or die "seek: $!\n";
    defined syswrite($picture, $now) or die "write: $!\n";
  }
  return if !$new;
  ($seen, $changed_at) = (1, time);
  $soon_until = $changed_at + $after_change if $new > $few && $soon_until < $changed_at + $after_change;
  syswrite($streamer, pack('V', $generation) . pack('a8', $bits)) // exit 0;
  $waiting = 1;
}

for (;;) {
  # A picture is there before anybody looks.
  my $looks = $height > 0 && ($watched || !defined $seen) && !$waiting;
  my $now = time;
  my $pause = $now < $soon_until ? $soon : $now < $changed_at + $long ? $later : $rarely;
  $pause = $changed_at + $between - $now if $pause < $changed_at + $between - $now;
  $pause = 0 if $closely || !defined $seen;
  my $ready = '';
  vec($ready, 0, 1) = vec($ready, 5, 1) = 1;
  my $count = select($ready, undef, undef, $looks ? $pause : undef);
  if ($count > 0 && vec($ready, 5, 1)) {
    my $got = sysread($streamer, my $said, 4096);
    exit 0 if defined $got && $got == 0;
    for my $word (split //, $said // '') {
      if ($word eq 'w') { $watched = $closely = 1 }
      elsif ($word eq 'z') { $watched = 0 }
      elsif ($word eq 'i') { $soon_until = time + $after_input }
      elsif ($word eq 'k') { $waiting = 0 }
    }
  }
  if ($count > 0 && vec($ready, 0, 1)) {
    my $got = sysread(STDIN, $lines, 262144, length $lines);
    exit 0 if defined $got && $got == 0;
    while ($lines =~ s/^([^\n]*)\n//) { take($1) }
  }
  look() if $looks && $count == 0;
}
