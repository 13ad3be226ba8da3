"""What a spectrum tells about who plays: four kinds of evidence per bin, none of it dependent on the song's level.

steady: the median over time against the bin; high where tones are held. broad: the median over frequency against the
bin; high where a hit fills the spectrum (both after Fitzgerald, DAFx 2010). repeated: the median over alike frames
against the bin (REPET-SIM); low where something sings over the accompaniment. centre: the mid's share of the power.
All are natural logarithms, limited so that no kind overrules the others.
"""

from __future__ import annotations

import numpy as np

from stem_cli.dsp.medians import Floats, median_over_bins, median_over_frames
from stem_cli.dsp.stft import Complex

KINDS = ("steady", "broad", "repeated", "centre")
STEADY_FRAMES = 15  # 0.35 s: longer than a hit, shorter than most notes
BROAD_BINS = 25  # 270 Hz: wider than the lines of one tone, narrower than a formant
STEADY_STEP = 2  # frames that share a median over time
BROAD_STEP = 4  # bins that share a median over frequency
CONTEXT = STEADY_FRAMES // 2  # frames needed before and after those judged
SILENCE = np.float32(1e-5)  # magnitude of the transform; rounding noise of 16 bits lies at 1e-3
LOWEST, HIGHEST = np.float32(-3.0), np.float32(1.5)  # limits of a ratio of magnitudes, nepers
CENTRE_FLOOR = np.float32(0.02)  # least share of the mid
NEUTRAL_CENTRE = np.float32(-0.2)  # centre of songs without a stereo image: what their bins have on average in stereo
MONO_SIDE = np.float32(1e-4)  # side / mid power at which the stereo image begins to count, -40 dB


def gather(spectra: Complex, magnitude: Floats, repeated: Floats, width: np.float32) -> Floats:
    """All evidence [KINDS, frames, bins] on spectra [mid (and side), frames, bins].

    magnitude: [CONTEXT + frames + CONTEXT, bins]; repeated: [frames, bins from 0 Hz up]; width: as of `width`.
    """
    here = magnitude[CONTEXT:-CONTEXT] + SILENCE
    found = np.empty((len(KINDS), *here.shape), np.float32)
    found[0] = median_over_frames(magnitude, STEADY_FRAMES, STEADY_STEP)
    found[1] = median_over_bins(magnitude[CONTEXT:-CONTEXT], BROAD_BINS, BROAD_STEP)
    found[2] = here
    known = repeated.shape[1]
    np.minimum(repeated, here[:, :known], out=found[2, :, :known])
    found[:3] /= here
    np.maximum(found[:3], np.exp(LOWEST), out=found[:3])
    np.log(found[:3], out=found[:3])
    np.minimum(found[:3], HIGHEST, out=found[:3])
    found[3] = _centre(spectra, here, width)
    return found


def width(spectra: Complex) -> np.float32:
    """How far the stereo image of spectra [mid (and side), frames, bins] counts: 0 is mono, 1 a side of -20 dB."""
    if len(spectra) == 1:
        return np.float32(0)
    mid, side = (np.sum(np.square(part.real) + np.square(part.imag)) for part in spectra)
    return np.float32(side / (side + MONO_SIDE * mid + SILENCE))


def _centre(spectra: Complex, magnitude: Floats, width: np.float32) -> Floats | np.float32:
    if not width:
        return NEUTRAL_CENTRE
    mid = np.square(spectra[0].real) + np.square(spectra[0].imag)
    share = np.minimum(np.maximum(mid / np.square(magnitude), CENTRE_FLOOR), np.float32(1))
    centred: Floats = width * np.log(share) + (1 - width) * NEUTRAL_CENTRE
    return centred
