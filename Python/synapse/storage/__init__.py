"""Access to the database: modules' own tables, and views of the server's."""
