export type { Driver, DriverCapabilities, Vm, VmExit, VmSpec } from './drivers/driver.ts';
export { createDriver } from './drivers/index.ts';
export { createHost, type HostLogger, type HostOptions } from './host.ts';
export * from './image/index.ts';
export { selfTest } from './slot/self-test.ts';
