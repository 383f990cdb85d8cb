"""`python -m store.upgrade`: `flask --app app upgrade` without the web, which takes longer to load
than the schema to make."""

from sqlalchemy.exc import DBAPIError

import settings as configuration
from store.database import SchemaError, connect, error_line


def main() -> None:
    """Create the database's schema, or bring it up to date."""
    try:
        connect(configuration.or_exit()).upgrade()
    except (SchemaError, DBAPIError, OSError) as error:
        configuration.exit_with(error_line(error))
    print("The schema is up to date.")


if __name__ == "__main__":
    main()
