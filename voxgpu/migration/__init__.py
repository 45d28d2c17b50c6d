"""Migration of programs: what VoxLogicA 1 and 2 do otherwise, rule by rule."""
