import type { Figure } from '../report/figures.ts';
import type { GuestPart } from './guest-part.ts';
import type { Round } from './round.ts';

/** All rounds of one source over one link. Clicks that were not answered in time are not among the values. */
export function latencyFigures(prefix: string, rounds: readonly Round[]): Figure[] {
  const figure = (what: string, unit: Figure['unit'], of: (round: Round) => readonly (number | null)[]) => ({
    what: `${prefix}.${what}`,
    unit,
    values: rounds.flatMap(of).filter((value): value is number => value !== null && Number.isFinite(value)),
  });
  const missed = (answers: readonly (number | null)[]) => answers.filter((answer) => answer === null).length;
  return [
    figure('still_ms', 'ms', (round) => round.still),
    figure('busy_ms', 'ms', (round) => round.busy),
    figure('missed', 'count', (round) => [missed(round.still) + missed(round.busy)]),
    figure('first_frame_ms', 'ms', (round) => [round.firstFrameMs]),
    figure('fps', 'fps', (round) => [round.fps]),
    figure('longest_gap_ms', 'ms', (round) => [round.longestGapMs]),
    figure('kbps', 'kbit/s', (round) => [round.inMovement.kbps]),
    figure('kbps_still', 'kbit/s', (round) => [round.atRest.kbps]),
    figure('cpu_busy', 'cores', (round) => [round.inMovement.cores]),
    figure('cpu_still', 'cores', (round) => [round.atRest.cores]),
    figure('display_cpu_busy', 'cores', (round) => [round.inMovement.displayCores]),
    figure('memory_mb', 'MB', (round) => [round.memoryMb]),
    figure('rest_psnr_db', 'dB', (round) => [round.psnr]),
    figure('buffer_ms', 'ms', (round) => [perFrame(round, 'bufferSeconds', 'buffered')]),
    figure('decode_ms', 'ms', (round) => [perFrame(round, 'decodeSeconds', 'frames')]),
    figure('quantiser', 'count', (round) => {
      const value = perFrame(round, 'qp', 'frames');
      return [value === null ? null : value / 1000];
    }),
  ].filter(({ values }) => values.length > 0);
}

export function guestFigures({ firstPixelMs, answerMs, pictureMs }: GuestPart): Figure[] {
  return [
    { what: 'latency.vm.guest.first_pixel_ms', unit: 'ms', values: firstPixelMs },
    { what: 'latency.vm.guest.answer_ms', unit: 'ms', values: answerMs },
    { what: 'latency.vm.guest.picture_ms', unit: 'ms', values: pictureMs },
  ];
}

type Counted = 'bufferSeconds' | 'decodeSeconds' | 'qp';

/** Mean over the frames of the movement, a thousandth as unit. */
function perFrame({ before, after }: Round, what: Counted, per: 'buffered' | 'frames'): number | null {
  if (before === null || after === null) return null;
  return ((after[what] - before[what]) / (after[per] - before[per])) * 1000;
}
