//! The image of a container: an official one, or else one that is made here from Debian's package.

use futures::TryStreamExt;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use testcontainers::bollard::query_parameters::{
    CreateImageOptions, CreateImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptions,
};
use testcontainers::bollard::{Docker, body_full};
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;

const OFFICIAL: &str = "postgres";
/// What is pulled, and the oldest version of those that are taken because they are there.
const PULLED_TAG: &str = "17-alpine";
const OLDEST: u32 = 14;
/// How long a pull may take; after that, the image is made here.
const PULL_LIMIT: Duration = Duration::from_secs(15);

const OWN: &str = "guardian-postgres";
const PACK: &str = include_str!("../../image/pack");
const ENTRYPOINT: &str = include_str!("../../image/docker-entrypoint.sh");
/// What an archive cannot say about an image.
const SETTINGS: [&str; 4] = [
    "ENV PATH=/usr/local/bin:/usr/bin:/bin:/postgres PGDATA=/var/lib/postgresql/data",
    "USER 999:999",
    "ENTRYPOINT [\"docker-entrypoint.sh\"]",
    "CMD [\"postgres\"]",
];

/// The name and the tag of an image that the engine has when this returns.
pub async fn find_or_make(docker: &Docker) -> Result<(String, String), String> {
    // Tests that begin together make one image, not one each.
    static ONE_BY_ONE: Mutex<()> = Mutex::const_new(());
    let _turn = ONE_BY_ONE.lock().await;
    if let Some(tag) = newest(&tags(docker, OFFICIAL).await?) {
        return Ok((OFFICIAL.to_owned(), tag));
    }
    let (own, made) = (own_tag(), tags(docker, OWN).await?);
    if made.contains(&own) {
        return Ok((OWN.to_owned(), own));
    }
    let options = CreateImageOptionsBuilder::new().from_image(OFFICIAL).tag(PULLED_TAG).build();
    let Ok(Ok(())) = timeout(PULL_LIMIT, create(docker, options, Vec::new())).await else {
        make(docker, &own).await?;
        for old in made {
            // One that is in use stays.
            docker.remove_image(&format!("{OWN}:{old}"), None::<RemoveImageOptions>, None).await.ok();
        }
        return Ok((OWN.to_owned(), own));
    };
    Ok((OFFICIAL.to_owned(), PULLED_TAG.to_owned()))
}

/// The tags that the engine has of an image.
async fn tags(docker: &Docker, name: &str) -> Result<Vec<String>, String> {
    let filters = HashMap::from([("reference", vec![name])]);
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    let images = docker.list_images(Some(options)).await.map_err(|error| error.to_string())?;
    let named = images.into_iter().flat_map(|image| image.repo_tags);
    Ok(named.filter_map(|full| Some(full.rsplit_once(':')?.1.to_owned())).collect())
}

/// The tag of the newest version that is not too old: `16.4-alpine` is of version 16.
fn newest(tags: &[String]) -> Option<String> {
    let version = |tag: &str| tag.split(['.', '-']).next()?.parse().ok();
    let known = tags.iter().filter_map(|tag| Some((version(tag)?, tag)));
    known.filter(|(version, _): &(u32, _)| *version >= OLDEST).max().map(|(_, tag)| tag.clone())
}

/// The tag of the image that would be made now: another one after a change of what it is made from.
fn own_tag() -> String {
    let server = std::process::Command::new("psql").arg("--version").output().map(|output| output.stdout);
    let mut hasher = DefaultHasher::new();
    (PACK, ENTRYPOINT, SETTINGS, server.unwrap_or_default()).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

async fn make(docker: &Docker, tag: &str) -> Result<(), String> {
    let mut pack = Command::new("/bin/sh");
    pack.args(["-c", PACK, "pack", ENTRYPOINT]).kill_on_drop(true);
    let packed = pack.output().await.map_err(|error| error.to_string())?;
    if !packed.status.success() {
        let why = String::from_utf8_lossy(&packed.stderr).into_owned();
        return Err(format!("no image can be pulled, and none made: {why}"));
    }
    let changes = SETTINGS.map(str::to_owned).to_vec();
    let options = CreateImageOptionsBuilder::new().from_src("-").repo(OWN).tag(tag).changes(changes).build();
    create(docker, options, packed.stdout).await.map_err(|why| format!("the engine takes no image: {why}"))
}

/// Pulls or imports an image, as the options say.
async fn create(docker: &Docker, options: CreateImageOptions, archive: Vec<u8>) -> Result<(), String> {
    let progress = docker.create_image(Some(options), Some(body_full(archive.into())), None);
    progress.try_for_each(async |_| Ok(())).await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::newest;

    fn check_newest(tags: &[&str], expected: Option<&str>) {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        assert_eq!(newest(&tags).as_deref(), expected, "{tags:?}");
    }

    #[test]
    fn the_newest_image_is_taken_that_is_not_too_old() {
        check_newest(&[], None);
        check_newest(&["latest", "<none>", "13", "9.6"], None);
        check_newest(&["14", "9.6"], Some("14"));
        check_newest(&["15.3", "17-alpine", "16"], Some("17-alpine"));
    }
}
