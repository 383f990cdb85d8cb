"""The web process: wires settings, database, Redis and commands to the answers of `web/`."""

from functools import partial

from flask import Flask
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

import commands
import queues
import settings as configuration
from monitoring import logs
from monitoring.status import LiveStatus
from settings import Settings
from store.database import connect
from web import (
    api,
    assets,
    badges,
    charts,
    errors,
    feeds,
    follow_lists,
    health,
    pages,
    ranks,
    request_log,
    several,
)
from web.cache import ResponseCache
from web.gate import NEEDS_NO_DATABASE, Gate
from web.place import Place
from web.responses import newest_build

READ_PATIENCE = 3  # seconds that a request waits for an answer of the database

BLUEPRINTS = (
    health.site,
    api.api,
    ranks.ranks,
    several.several,
    follow_lists.following,
    charts.charts,
    badges.badges,
    feeds.feeds,
    pages.pages,
    assets.assets,
)


def create_app(settings: Settings | None = None) -> Flask:
    """Return the Flask app of the web process and of the commands; `settings` are the environment's
    unless given."""
    settings = settings or configuration.or_exit()
    logs.configure(settings)
    app = Flask(__name__, static_folder=None, template_folder="web/templates")
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.url_map.merge_slashes = False  # to redirect would repeat what was asked for, and its host
    app.extensions["settings"] = settings
    app.extensions["database"] = database = connect(settings, READ_PATIENCE)
    app.extensions["patient_database"] = connect(settings)
    app.extensions["redis"] = redis = queues.connect(settings.redis_url, timeout=1, retries=0)
    app.extensions["status"] = LiveStatus(database, redis, settings)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, errors.problem_response)
    app.register_error_handler(DBAPIError, errors.database_problem)
    app.before_request(request_log.begin_request)
    app.after_request(request_log.end_request)
    app.extensions["gate"] = gate = Gate()
    for name, view in app.view_functions.items():
        if name not in NEEDS_NO_DATABASE:
            app.view_functions[name] = gate.guarded(view)
    for command in commands.ALL:
        app.cli.add_command(command)
    placed = Place(app.wsgi_app, settings.public_url)
    app.wsgi_app = ResponseCache(placed, partial(newest_build, database))  # type: ignore[method-assign]
    return app
