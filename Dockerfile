# One image for web, worker, beat and migrations; compose.yaml says which is which.

FROM node:24-slim AS front-end
WORKDIR /site
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts

FROM python:3.11-slim AS builder
WORKDIR /site
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY requirements/production.txt requirements/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    -r requirements/production.txt
COPY . .
# Of the front-end packages only what pages load, with the source maps that it names.
COPY --from=front-end /site/node_modules/@tabler/core/dist/css/tabler.min.css* \
    node_modules/@tabler/core/dist/css/
COPY --from=front-end /site/node_modules/@tabler/core/dist/js/tabler.min.js* \
    node_modules/@tabler/core/dist/js/
COPY --from=front-end /site/node_modules/echarts/dist/echarts.common.min.js \
    node_modules/echarts/dist/
# The settings want to be told; nothing of this stays in the image or is ever connected to.
RUN EVENKEEL_ENV=production ALLOWED_HOSTS=localhost \
    SECRET_KEY=used-while-static-files-are-collected-and-nowhere-else-0123456789 \
    DATABASE_URL=postgresql://localhost/evenkeel REDIS_URL=redis://localhost \
    python manage.py collectstatic --no-input \
    && rm -r node_modules package.json package-lock.json .npmrc \
    && python -m compileall -q -j 0 .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent evenkeel
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    EVENKEEL_ENV=production
WORKDIR /site
COPY --from=builder /venv /venv
COPY --from=builder /site /site
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["python", "-I", "portfolio_site/livecheck.py"]
CMD ["gunicorn", "--config", "python:portfolio_site.gunicorn_conf", "portfolio_site.wsgi"]
