# The official image of PostgreSQL with the extension and pg_migrate in it:
#
#   docker build -t postgres-migrate --build-arg PG_MAJOR=17 .
#
# The second stage takes from the first one only what "make install" has made;
# t/dockerfile.pl compares the two without an image.

ARG PG_MAJOR=17

FROM postgres:${PG_MAJOR} AS build
# Headers of the server that is in the image: what a later minor version's are
# compiled to may need functions that this server lacks.
RUN apt-get update \
	&& apt-get install -y --no-install-recommends gcc libc6-dev make \
		"postgresql-server-dev-$PG_MAJOR=$PG_VERSION"
COPY . /src
WORKDIR /src
RUN make -s all
RUN make -s install DESTDIR=/installed

FROM postgres:${PG_MAJOR}
COPY --from=build /installed/usr/lib/postgresql/ /usr/lib/postgresql/
COPY --from=build /installed/usr/share/postgresql/ /usr/share/postgresql/
