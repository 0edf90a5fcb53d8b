-- What belongs to the whole installation, extensions for everybody, are rows of a tenant without an account. No account
-- can take its place: handles do not begin with an underscore.
INSERT INTO tenants (handle) VALUES ('_system') ON CONFLICT (handle) DO NOTHING;
ALTER TABLE users ADD CONSTRAINT users_handle_is_no_system_tenant CHECK (left(handle, 1) <> '_');
