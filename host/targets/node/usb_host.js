// A computer at the other end of an emulated RP2040's USB cable: it enumerates the device, and drives
// its serial port as an operating system does. Sections are those of USB 2.0; CDC is its class for
// serial ports (PSTN 1.2).
const ATTACHED = 1 << 16; // of SIE_CTRL: the pull-up by which a device shows that it is there
const PACKET = 64; // bytes, at full speed
const PACKET_MICROSECONDS = 53; // no more than 19 of them fit into a frame of 1 ms (5.8.4)

// Of setup packets (9.3): types, requests, and what a descriptor describes.
const [TO_DEVICE, FROM_DEVICE, TO_CLASS] = [0x00, 0x80, 0x21];
const [SET_ADDRESS, GET_DESCRIPTOR, SET_CONFIGURATION] = [5, 6, 9];
const [SET_LINE_CODING, SET_CONTROL_LINE_STATE] = [0x20, 0x22]; // CDC, 6.3
const [DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT] = [1, 2, 3, 4, 5];
const ENGLISH = 0x0409;
const [CONTROL_CLASS, DATA_CLASS, BULK] = [2, 10, 2];
const [DTR_AND_RTS, EIGHT_BITS] = [3, 8];
const NOTHING = Buffer.alloc(0);

export class UsbHost {
  // `onReady` is called with who the device says it is, `onData` with what its serial port sends.
  constructor(usb, onReady, onData) {
    Object.assign(this, { usb, onReady, onData, attached: false, open: false });
    this.transfer = null; // the control transfer that is going on
    this.room = 0; // bytes that the device takes now
    this.waiting = NOTHING; // bytes for it
    this.line = Promise.resolve(); // done when the device knows how the line is set
    usb.onResetReceived = () => this.enumerate();
    usb.onEndpointWrite = (endpoint, data) => this.received(endpoint, data);
    usb.onEndpointRead = (endpoint, size) => this.asked(endpoint, size);
  }

  // See whether the device is there; to be called now and then.
  look() {
    const attached = (this.usb.sieCtrl & ATTACHED) !== 0;
    if (attached && !this.attached) this.usb.resetDevice();
    this.attached = attached;
  }

  async enumerate() {
    const device = await this.descriptor(DEVICE, 0, 18);
    await this.control(TO_DEVICE, SET_ADDRESS, 1, 0);
    const head = await this.descriptor(CONFIGURATION, 0, 9);
    this.findPort(await this.descriptor(CONFIGURATION, 0, head.readUInt16LE(2)));
    const text = await this.descriptor(STRING, device[16], 255, ENGLISH);
    await this.control(TO_DEVICE, SET_CONFIGURATION, 1, 0);
    const serial = text.subarray(2).toString('utf16le');
    this.onReady({ vendor: device.readUInt16LE(8), product: device.readUInt16LE(10), serial });
  }

  // In the descriptors of interfaces and endpoints (9.6.5, 9.6.6).
  findPort(descriptors) {
    let kind;
    for (let at = 0; at < descriptors.length; at += descriptors[at]) {
      const [, type, number, attributes] = descriptors.subarray(at);
      if (type === INTERFACE) kind = descriptors[at + 5];
      if (type === INTERFACE && kind === CONTROL_CLASS) this.interface = number;
      if (type === ENDPOINT && kind === DATA_CLASS && attributes === BULK) {
        this[number & 0x80 ? 'in' : 'out'] = number & 0xf;
      }
    }
  }

  descriptor(type, index, length, language = 0) {
    return this.control(FROM_DEVICE, GET_DESCRIPTOR, (type << 8) | index, language, NOTHING, length);
  }

  // A program opens the port at this rate, or closes it.
  setLine(rate, open) {
    const coding = Buffer.from([0, 0, 0, 0, 0, 0, EIGHT_BITS]);
    coding.writeUInt32LE(rate);
    const state = open ? DTR_AND_RTS : 0;
    this.line = this.line
      .then(() => this.control(TO_CLASS, SET_LINE_CODING, 0, this.interface, coding))
      .then(() => this.control(TO_CLASS, SET_CONTROL_LINE_STATE, state, this.interface))
      .then(() => {
        this.open = open;
        if (!open) this.waiting = NOTHING;
        this.answer();
      });
    return this.line;
  }

  send(data) {
    this.waiting = Buffer.concat([this.waiting, data]);
    this.answer();
  }

  // A control transfer (8.5.3) with data for the device, or of so many bytes from it, to which it
  // resolves.
  control(type, request, value, index, data = NOTHING, wanted = 0) {
    const setup = Buffer.from([type, request, 0, 0, 0, 0, 0, 0]);
    const words = [value, index, data.length || wanted];
    words.forEach((word, number) => setup.writeUInt16LE(word, 2 + 2 * number));
    return new Promise((resolve) => {
      this.transfer = { outgoing: data, wanted, incoming: [], confirmed: false, resolve };
      this.usb.sendSetupPacket(setup);
    });
  }

  received(endpoint, data) {
    if (endpoint === this.in) this.onData(data);
    if (endpoint !== 0 || this.transfer === null) return;
    this.transfer.incoming.push(data);
    this.finish();
  }

  asked(endpoint, size) {
    if (endpoint === this.out) {
      this.room = size;
      this.answer();
    } else if (endpoint === 0 && this.transfer !== null) {
      const { outgoing } = this.transfer;
      this.usb.endpointReadDone(0, outgoing.subarray(0, size));
      this.transfer.outgoing = outgoing.subarray(size);
      this.transfer.confirmed = outgoing.length === 0;
      this.finish();
    }
  }

  // Each end confirms with an empty packet what it got. The emulated device may take ours before all
  // that it has sent is here.
  finish() {
    const { wanted, incoming, confirmed, resolve } = this.transfer;
    if (incoming.length === 0 || (wanted > 0 && !confirmed)) return;
    const data = Buffer.concat(incoming);
    if (data.length < wanted && data.length % PACKET === 0 && data.length > 0) return;
    this.transfer = null;
    resolve(data);
  }

  // Nothing is sent before there is something to send. rp2040js's own host sends an empty packet at
  // once, and the device then does little else than take them.
  answer() {
    const size = Math.min(this.room, PACKET, this.waiting.length);
    if (size === 0 || !this.open) return;
    this.usb.endpointReadDone(this.out, this.waiting.subarray(0, size), PACKET_MICROSECONDS);
    this.waiting = this.waiting.subarray(size);
    this.room = 0;
  }
}
