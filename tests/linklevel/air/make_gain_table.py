"""Prints the entries of linklevel/air/gain_table.py: ``python tests/linklevel/air/make_gain_table.py``.

Takes about six minutes on one core. Run it after an upgrade of Sionna and paste the lines.
"""

from tokencom.linklevel.air import CDLChannel, RMaChannel, TDLChannel, UMaChannel, UMiChannel
from tokencom.linklevel.air.cache import digest
from tokencom.linklevel.air.gain import gain_db, gain_key

ANTENNAS = ((1, 1), (1, 2), (2, 2))


def configurations():
    """Yield a label, a channel and antenna counts for every entry."""
    for model in "ABCDE":
        yield f"TDL-{model}", TDLChannel(model=model, delay_spread=1e-7, carrier_frequency=3.5e9), 1, 1
    for tx, rx in ANTENNAS:
        for model in "ABCDE":
            channel = CDLChannel(model=model, delay_spread=1e-7, carrier_frequency=3.5e9)
            yield f"CDL-{model}, {tx} x {rx}", channel, tx, rx
        for kind in (UMiChannel, UMaChannel, RMaChannel):
            yield f"{kind.name}, 3.5 GHz, {tx} x {rx}", kind(carrier_frequency=3.5e9), tx, rx


if __name__ == "__main__":
    for label, channel, tx, rx in configurations():
        key = gain_key(channel, tx, rx)[-1]
        print(f'    "{digest(key)}": {gain_db(channel, tx, rx)},  # {label}', flush=True)
