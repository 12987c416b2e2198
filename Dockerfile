# The wheel is built with Node and installed without it.
FROM python:3.13-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends make
WORKDIR /yishi
COPY . .
RUN make wheel

FROM python:3.13-slim
COPY --from=build /yishi/requirements.lock /yishi/dist/*.whl /tmp/
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.lock \
    && pip install --no-cache-dir --no-index --no-deps /tmp/*.whl \
    && useradd --system --create-home --home-dir /var/lib/yishi yishi
USER yishi
EXPOSE 8000
CMD ["yishi", "serve"]
