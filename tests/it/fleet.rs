//! Fifty packs from published templates in three regions: from files to a settled organization.
