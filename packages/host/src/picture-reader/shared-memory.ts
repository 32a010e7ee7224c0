import koffi from 'koffi';

const memfdCreate = koffi.load('libc.so.6').func('int memfd_create(const char *name, unsigned int flags)');
/** linux/memfd.h */
const MFD_CLOEXEC = 1;

/** A descriptor of empty memory that processes can share; the caller closes it. */
export function sharedMemory(name: string): number {
  const descriptor: number = memfdCreate(name, MFD_CLOEXEC);
  if (descriptor < 0) throw new Error(`memfd_create: errno ${koffi.errno()}`);
  return descriptor;
}
