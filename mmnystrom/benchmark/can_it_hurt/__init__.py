"""Can KDA hurt? Small students of several architectures, data sets and batch sizes, by several losses."""
