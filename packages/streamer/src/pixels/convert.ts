import { type Convert, convertPortably } from './i420.ts';
import { loadLibyuv } from './libyuv.ts';

/** Converts one rectangle of a BGRX desktop into the frame; loaded here, before privileges are dropped. */
export const convertRect: Convert = loadLibyuv() ?? convertPortably;
