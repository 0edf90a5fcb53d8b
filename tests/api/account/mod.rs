mod backup;
mod upgrades;
