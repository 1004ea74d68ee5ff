// An RP2040 in rp2040js, with an image in its flash.
import { readFileSync } from 'node:fs';
import { ConsoleLogger, LogLevel, Simulator } from 'rp2040js';

export const FLASH = 0x10000000;
const FAULT = 99; // the code with which QEMU ends on a fault, too (firmware/platform/startup)
const LOADED = 1; // an ELF segment that belongs in memory

// End with a word about it, as the processor would in its fault handler.
export function fault(chip, what) {
  const [pc, lr] = [chip.core.PC, chip.core.LR].map((word) => `0x${word.toString(16)}`);
  console.error(`Fault: ${what}; pc ${pc}, lr ${lr}`);
  process.exit(FAULT);
}

// The chip and its clock, which ticks only when it is told to.
export function chipWith(elf) {
  const { rp2040: chip, clock } = new Simulator();
  chip.logger = new ConsoleLogger(LogLevel.Error);
  chip.logger.error = (_, message) => fault(chip, message);
  const image = readFileSync(elf);
  const [start, size, count] = [image.readUInt32LE(28), image.readUInt16LE(42), image.readUInt16LE(44)];
  for (let header = start; header < start + size * count; header += size) {
    const word = (index) => image.readUInt32LE(header + 4 * index);
    const [type, from, address, length] = [word(0), word(1), word(3), word(4)];
    if (type === LOADED) chip.flash.set(image.subarray(from, from + length), address - FLASH);
  }
  return { chip, clock };
}
