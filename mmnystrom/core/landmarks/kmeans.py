"""Landmarks that are cluster means of a pool of features."""

from __future__ import annotations

import warnings

import torch
from sklearn.cluster import KMeans as Clusters
from sklearn.exceptions import ConvergenceWarning

from .pool import Reservoir
from .schedule import Selection


class KMeans(Reservoir):
    """Cluster means: k-means on the teacher's pooled features decides the clusters.

    A teacher's landmark is the mean of a cluster, the student's the mean of its own features of the
    same samples. The clusters of the last refresh are where the next begins, so that row j goes on
    standing for the same cluster. K-means minimises the quantisation error, which bounds the Nystrom
    error (Zhang, Tsang and Kwok, ICML 2008; Qian, Li and Hu, arXiv 2009.14416).

    Args:
        num_landmarks: m, the number of clusters.
        pool_size: See :class:`~mmnystrom.core.landmarks.Reservoir`. Defaults to None.
        seed: See there. Defaults to 0.
        refresh: See there. Defaults to None.
        init: See there. Defaults to None.

    Raises:
        ValueError: If an argument makes no sense.
    """

    strategy = 'kmeans'

    def select(self) -> Selection | None:
        """Take the means over the clusters of the teacher's features."""
        if not self.filled:
            return None
        student, teacher = self.pool()
        clusters = min(self.num_landmarks, len(teacher))
        before = self.teacher if self.num_active == self.num_landmarks == clusters else None
        labels = torch.zeros(0, dtype=torch.long)
        if clusters:
            start = 'k-means++' if before is None else before.cpu().numpy()
            state = int(self.generator().integers(1 << 31))
            with warnings.catch_warnings():
                # It warns of fewer distinct samples than clusters; so does what follows.
                warnings.simplefilter('ignore', ConvergenceWarning)
                found = Clusters(clusters, init=start, n_init=1, random_state=state)
                labels = torch.from_numpy(found.fit(teacher.cpu().numpy()).labels_).long()
        labels = labels.to(teacher.device)
        count = torch.bincount(labels, minlength=self.num_landmarks)
        fresh = count > 0
        have = int(fresh.sum())
        if have < self.num_landmarks:
            self._warn_fewer(have, 'different samples in the pool')
        means = []
        for pool in (student, teacher):
            total = torch.zeros(self.num_landmarks, pool.shape[1], dtype=pool.dtype, device=pool.device)
            means.append(total.index_add_(0, labels, pool) / count.clamp_min(1)[:, None])
        return Selection(*means, count, continues=before is not None)
