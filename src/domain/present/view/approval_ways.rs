//! What to do about losses that wait: for the list of them, and for the problems.

/// What to do about packs that no manifest declares.
pub const UNDECLARED_WAYS: &str = "A missing file does not show that the removal was intended. \
    To keep \
    a pack, restore its manifest, or the region in its `regions`. To delete it there, commit the \
    document that `conformd approve` prints. To delete it in every region, commit a manifest \
    with `state: Absent`.";

/// What to do about losses that the guard holds.
pub const GUARDED_WAYS: &str = "If this is intended, commit the document that `conformd approve` \
    prints; \
    otherwise revert the change. The losses stay held until then.";
