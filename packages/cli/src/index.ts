export { printFault } from './print-fault.ts';
export { HOST_PACKAGES, TEST_PACKAGES } from './set-up/host-packages.ts';
export { setUp } from './set-up/set-up.ts';
