"""Gain constants of common channel configurations, dB.

As :func:`.gain.gain_db` estimates them with Sionna 2.2.0 and default antenna patterns; the key is
:func:`.cache.digest` of :func:`.gain.gain_key`, which names the version of Sionna, so another version
estimates its own. ``python tests/linklevel/air/make_gain_table.py`` prints these lines. Antennas are
transmit x receive with polarisation "auto": 1 stands for every odd number, 2 for every even one.
"""

GAINS: dict[str, float] = {
    "a38ff9f6a6fc8b52": 0.0025,  # TDL-A
    "55526e4f9210a07b": -0.0011,  # TDL-B
    "e868a06669ddcb1f": 0.002,  # TDL-C
    "3e87993b0673fb3b": 0.0013,  # TDL-D
    "e2b478c82db93e6f": -0.007,  # TDL-E
    "ca1faeabfae129c5": 5.4504,  # CDL-A, 1 x 1
    "407792678d78950d": 4.8029,  # CDL-B, 1 x 1
    "d87c809660438c53": 5.4007,  # CDL-C, 1 x 1
    "10bdc4332273d6ca": 7.6188,  # CDL-D, 1 x 1
    "6583efed3cbe00bf": 7.52,  # CDL-E, 1 x 1
    "b48f6536e82284cc": 2.1118,  # umi, 3.5 GHz, 1 x 1
    "b0cc40a1bd4664a3": 2.4455,  # uma, 3.5 GHz, 1 x 1
    "573858e8304732cb": 2.6981,  # rma, 3.5 GHz, 1 x 1
    "e809a94187059a76": 2.8532,  # CDL-A, 1 x 2
    "351e32ed2791db89": 2.4328,  # CDL-B, 1 x 2
    "d40505e4468f3a04": 3.1834,  # CDL-C, 1 x 2
    "f970b0c9d618acf2": 4.6347,  # CDL-D, 1 x 2
    "837d3742215ec55c": 4.55,  # CDL-E, 1 x 2
    "08013bb666689184": 2.6161,  # umi, 3.5 GHz, 1 x 2
    "5a78773c261d18e0": 2.9173,  # uma, 3.5 GHz, 1 x 2
    "17c40747c598195c": 3.2185,  # rma, 3.5 GHz, 1 x 2
    "8060b147bfb3f6df": 2.8568,  # CDL-A, 2 x 2
    "6471bc6171fcbbb4": 2.4369,  # CDL-B, 2 x 2
    "447909b1bf1a9e7d": 3.1813,  # CDL-C, 2 x 2
    "c9ea782c20df149c": 4.6337,  # CDL-D, 2 x 2
    "d43727c149c613e6": 4.5472,  # CDL-E, 2 x 2
    "2627926d0321055b": 2.6114,  # umi, 3.5 GHz, 2 x 2
    "01cd69da6c59f926": 2.9172,  # uma, 3.5 GHz, 2 x 2
    "e215ba32aa73f2a1": 3.2152,  # rma, 3.5 GHz, 2 x 2
}
