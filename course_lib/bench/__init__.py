"""Speed, as ratios to a peer measured in the same run; `course bench` prints and records the tables."""
