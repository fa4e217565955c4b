//! References to issues and merge requests as people write them.
