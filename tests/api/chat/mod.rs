//! Chats of characters and groups, statistics.

mod chats;
mod group_chats;
mod lists;
mod names;
mod stats;
mod storage;
mod talk;
mod transfer;
