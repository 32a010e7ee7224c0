import * as dns from 'dns-packet';

const NOERROR = 0;
const FORMERR = 1;
const SERVFAIL = 2;
const NOTIMP = 4;
/** Seconds; the records are known by heart, so that asking again costs nothing. */
const RECORD_TTL = 30;
const HEADER_BYTES = 12;

export interface Question {
  readonly id: number;
  readonly name: string;
  readonly type: string;
}

/**
 * The one question of a query, or the answer that a malformed one gets. Null: too short to answer at all, or
 * itself an answer.
 */
export function questionOf(query: Buffer): Question | Buffer | null {
  if (query.length < HEADER_BYTES || (query[2]! & 0x80) !== 0) return null;
  if ((query[2]! & 0x78) !== 0) return refusal(query, NOTIMP);
  try {
    const { id, questions } = dns.decode(query);
    const [question] = questions ?? [];
    if (question === undefined || questions?.length !== 1) return refusal(query, FORMERR);
    return { id: id ?? 0, name: question.name.toLowerCase(), type: question.type };
  } catch {
    return refusal(query, FORMERR);
  }
}

/** From the host's own records: a name that has one has nothing else. Null for any other name. */
export function ownAnswer({ id, name, type }: Question, records: ReadonlyMap<string, string>): Buffer | null {
  const address = records.get(name);
  if (address === undefined) return null;
  return dns.encode({
    type: 'response',
    id,
    flags: dns.RECURSION_DESIRED | dns.RECURSION_AVAILABLE | dns.AUTHORITATIVE_ANSWER | NOERROR,
    questions: [{ type: type as dns.RecordType, name }],
    answers: type === 'A' ? [{ type: 'A', name, ttl: RECORD_TTL, data: address }] : [],
  });
}

/** No upstream answered: the guest learns it at once instead of waiting. */
export function failure(query: Buffer): Buffer {
  return refusal(query, SERVFAIL);
}

/** Header and question of the query with a code; other sections are left out, since they may be the fault. */
function refusal(query: Buffer, code: number): Buffer {
  const end = code === FORMERR ? null : endOfQuestion(query);
  const answer = Buffer.from(query.subarray(0, end ?? HEADER_BYTES));
  answer[2] = (answer[2]! & 0x79) | 0x80;
  answer[3] = 0x80 | code;
  answer.writeUInt16BE(end === null ? 0 : 1, 4);
  answer.fill(0, 6, HEADER_BYTES);
  return answer;
}

function endOfQuestion(query: Buffer): number | null {
  let at = HEADER_BYTES;
  while (at < query.length) {
    const length = query[at]!;
    if (length > 63) return null;
    at += 1 + length;
    if (length === 0) return at + 4 <= query.length ? at + 4 : null;
  }
  return null;
}
