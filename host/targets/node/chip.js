// An RP2040 in rp2040js, with an image in its flash.
import { readFileSync } from 'node:fs';
import { ConsoleLogger, LogLevel, Simulator } from 'rp2040js';

export const FLASH = 0x10000000;
const FAULT = 99; // the code with which QEMU ends on a fault, too (firmware/platform/startup)
const LOADED = 1; // an ELF segment that belongs in memory
// Who only warns where the chip faults. Others warn of a register that rp2040js does not have.
const LENIENT = ['RP2040', 'CortexM0Core'];
const [FLASH_CONTROLLER, DATA] = [0x18000, 0x60]; // rp2040js's key, and a register
const READ_NUMBER = 0x4b; // a command to the flash chip
const DUMMIES = 5; // bytes before its answer
const NUMBER = Buffer.from('6a38d8e62b5c0124', 'hex');

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
  chip.logger.warn = (who, message) => LENIENT.includes(who) && fault(chip, message);
  const image = readFileSync(elf);
  const [start, size, count] = [image.readUInt32LE(28), image.readUInt16LE(42), image.readUInt16LE(44)];
  for (let header = start; header < start + size * count; header += size) {
    const word = (index) => image.readUInt32LE(header + 4 * index);
    const [type, from, address, length] = [word(0), word(1), word(3), word(4)];
    const content = image.subarray(from, from + length);
    if (type === LOADED && length > 0) chip.flash.set(content, address - FLASH);
  }
  return { chip, clock };
}

// Give its flash chip a unique number: what the USB serial number of a board is made of.
export function putFlashNumber(chip) {
  const flash = chip.peripherals[FLASH_CONTROLLER];
  const [read, write] = [flash.readUint32, flash.writeUint32].map((method) => method.bind(flash));
  let at = Infinity;
  flash.writeUint32 = (offset, value) => {
    if (offset === DATA && value === READ_NUMBER) at = -DUMMIES;
    write(offset, value);
  };
  flash.readUint32 = (offset) => (offset === DATA ? NUMBER[at++] : undefined) ?? read(offset);
}
