# One image for every service: `--target` of the command says which. Runs as a plain user, writes only to /tmp.
FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements.lock .
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.11-slim
WORKDIR /app
RUN useradd --system --uid 10001 testgen
COPY --from=build /app/.venv .venv
COPY pyproject.toml ./
COPY shared shared
COPY services services
COPY cli cli
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER testgen
ENTRYPOINT ["python", "-P", "-m", "cli"]
CMD ["serve", "--target=all"]
