// An RP2040 on a USB cable: `node usb.js firmware.elf SOCKET`. The unix socket, on which the host
// listens, is the serial port of the computer at the other end; it is connected to when that has found
// the device. Standard output tells who the device is, and what it prints on its UART. A line `RATE OPEN`
// on standard input is what a program does with the port, which begins open. Ends with code 0 when
// the host goes, 99 on a fault, and 100 when the firmware leaves for its bootloader.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { putBootRom } from './boot_rom.js';
import { FLASH, chipWith, putFlashNumber } from './chip.js';
import { UsbHost } from './usb_host.js';

const BOOTLOADER = 100;
const IMAGE = FLASH + 0x100; // behind the second stage of the boot, which only sets the flash up
const RATE = 115_200;
const SLICE = 20_000; // instructions between two looks at the socket

const [elf, socket] = process.argv.slice(2);
const { chip, clock } = chipWith(elf);
const { core } = chip;
const nanoseconds = 1e9 / chip.clkSys; // of a cycle
putBootRom(chip, () => process.exit(BOOTLOADER));
putFlashNumber(chip);
chip.uart[0].onByte = (byte) => process.stdout.write(Buffer.of(byte));
core.VTOR = IMAGE;
core.reset();

let line;
const host = new UsbHost(chip.usbCtrl, begin, (data) => line.write(data));

async function begin(identity) {
  console.log(JSON.stringify(identity));
  line = connect(socket);
  line.on('close', () => process.exit(0));
  line.on('error', () => process.exit(0));
  await host.setLine(RATE, true);
  line.on('data', (data) => host.send(data));
  const program = createInterface({ input: process.stdin });
  program.on('line', (words) => host.setLine(...words.split(' ').map(Number)));
}

function run() {
  for (let i = 0; i < SLICE; i++) {
    if (core.waiting) {
      clock.tick(clock.nanosToNextAlarm);
      break;
    }
    clock.tick(core.executeInstruction() * nanoseconds);
  }
  host.look();
  setImmediate(run);
}

run();
