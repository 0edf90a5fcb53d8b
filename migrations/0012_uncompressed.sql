-- PostgreSQL compresses values beyond 2 kB with pglz unless told otherwise, and undoing that is what reading them mostly
-- costs: a chat of 18.7 MB took the database 43 ms, and takes 22. The original keeps these texts uncompressed on disk,
-- too. Values already stored stay as they are until they are written again.
ALTER TABLE documents ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE characters
    ALTER COLUMN card SET STORAGE EXTERNAL,
    ALTER COLUMN entry SET STORAGE EXTERNAL,
    ALTER COLUMN shallow SET STORAGE EXTERNAL;
ALTER TABLE messages ALTER COLUMN body SET STORAGE EXTERNAL;
