"""Flask: the app, its health, and what its replies have in common. What a request asks for is
fetched from what is stored; nothing is computed."""

from functools import partial

import structlog
from flask import Flask
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

import commands
import queues
import settings as configuration
from monitoring import logs
from settings import Settings
from store.database import connect
from web import api, assets, badges, charts, feeds, pages
from web.cache import ResponseCache
from web.errors import database_problem, problem_response
from web.health import site
from web.request_log import begin_request, end_request
from web.responses import newest_build

log = structlog.get_logger("starboard")


def create_app(settings: Settings | None = None) -> Flask:
    """The web process and the commands; `settings` are the environment's unless given."""
    settings = settings or configuration.or_exit()
    logs.configure(settings)
    app = Flask(__name__, static_folder=None, template_folder="web/templates")
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.extensions["settings"] = settings
    database = app.extensions["database"] = connect(settings)
    app.extensions["redis"] = queues.connect(settings.redis_url, timeout=1, retries=0)
    for blueprint in (
        site,
        api.api,
        charts.charts,
        badges.badges,
        feeds.feeds,
        pages.pages,
        assets.assets,
    ):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, problem_response)
    app.register_error_handler(DBAPIError, database_problem)
    app.before_request(begin_request)
    app.after_request(end_request)
    for command in commands.ALL:
        app.cli.add_command(command)
    app.wsgi_app = ResponseCache(app.wsgi_app, partial(newest_build, database))  # type: ignore[method-assign]
    return app
