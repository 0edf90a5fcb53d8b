//! Chats of characters and groups, statistics.

mod chats;
mod group_chats;
mod lists;
mod stats;
mod storage;
mod talk;
mod transfer;
