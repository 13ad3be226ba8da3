"""Models of the UVR world: RoFormer, MDX23C, VR."""
