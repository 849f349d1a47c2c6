/**
 * What commands say. Nothing reaches a terminal but through here or the display, and nothing in it steers the terminal,
 * whoever wrote it.
 */
import { printable } from "@papo/core";

/** On standard output. */
export const say = (text: string): void => console.log(printable(text));

/** On standard error. */
export const complain = (text: string): void => console.error(printable(text));
