"""Models of the UVR world: RoFormer, MDX23C and VR networks, taken from audio-separator and run by our own overlap-add."""
