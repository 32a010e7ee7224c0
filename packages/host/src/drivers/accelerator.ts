/** How the guest's instructions are executed: by the processor, or by emulation. */
export type Accelerator = 'kvm' | 'tcg';
