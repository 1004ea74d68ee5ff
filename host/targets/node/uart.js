// A bare RP2040: `node uart.js firmware.elf SOCKET`. Its UART0 is the unix socket, on which the host
// listens. Ends with code 0 when the host goes, and with 99 on a fault.
import { connect } from 'node:net';
import { BasePeripheral } from 'rp2040js';
import { FLASH, chipWith, fault } from './chip.js';

const CYCLES = 0x40070; // rp2040js's key of address 0x40070000, where the chip has nothing
const SEMIHOSTING = 0xab;
const SLICE = 50_000; // instructions between two looks at the socket

class Cycles extends BasePeripheral {
  readUint32() {
    return this.rp2040.core.cycles >>> 0;
  }
}

const [elf, socket] = process.argv.slice(2);
const { chip } = chipWith(elf);
const { core } = chip;
const uart = chip.uart[0];
chip.peripherals[CYCLES] = new Cycles(chip, 'CYCLES');
// The start-up code leaves by semihosting: r1 points to a reason and the exit code.
chip.onBreak = (code) => {
  if (code !== SEMIHOSTING) fault(chip, `breakpoint ${code}`);
  process.exit(chip.readUint32(core.registers[1] + 4));
};
core.VTOR = FLASH;
core.reset();

const line = connect(socket);
let input = [];
let output = [];
let asleep = true;
uart.onByte = (byte) => output.push(byte);

function run() {
  asleep = false;
  for (let i = 0; i < SLICE && !asleep; i++) {
    if (core.waiting) {
      while (input.length > 0 && !uart.rxFIFO.full) uart.feedByte(input.shift());
      core.waiting = asleep = uart.rxFIFO.empty;
    } else {
      core.executeInstruction();
    }
  }
  line.write(Buffer.from(output));
  output = [];
  if (!asleep) setImmediate(run);
}

line.on('connect', run);
line.on('data', (data) => {
  input.push(...data);
  if (asleep) run();
});
line.on('close', () => process.exit(0));
line.on('error', () => process.exit(0));
