/**
 * Users without names, one per VM, per streamer and per reader of a picture, so that none can touch another's processes or files.
 * The range lies above what systemd gives out to containers and below its own upper reserve, see
 * https://systemd.io/UIDS-GIDS/.
 */
const FIRST_VM_UID = 1_900_000_000;
const FIRST_STREAMER_UID = 1_900_100_000;
const FIRST_READER_UID = 1_900_300_000;

export const vmUidOf = (slotIndex: number): number => FIRST_VM_UID + slotIndex;
export const streamerUidOf = (slotIndex: number): number => FIRST_STREAMER_UID + slotIndex;

export const readerUidOf = (slotIndex: number): number => FIRST_READER_UID + slotIndex;

/** Of helpers that belong to no slot. */
export const PROBE_UID = 1_900_200_000;
export const RESOLVER_UID = 1_900_200_001;
