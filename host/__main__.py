"""``python -m host``."""

import signal

if __name__ == "__main__":
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):  # as SIGINT, from the first import on
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, signal.default_int_handler)
        from host.cli.app import main

        main()
    except KeyboardInterrupt:  # before there is a command that could say more
        raise SystemExit(130) from None
