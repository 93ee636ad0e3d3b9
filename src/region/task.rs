//! The daemon's loop around one region's reconciler. (being written)
