//! Chats of characters and groups, statistics.

mod backup_limits;
mod backups;
mod chats;
mod group_chats;
mod lists;
mod names;
mod stats;
mod storage;
pub mod talk;
mod transfer;
