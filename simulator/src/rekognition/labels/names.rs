//! Label names in the style of Rekognition's published list, with their parents, aliases and categories.
//!
//! The published list has 3,082 labels. A few hundred names are listed here, chosen so that every character of the real
//! names occurs. Further names are derived by appending a number. No two names differ only in case.

/// One label of the taxonomy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) name: String,
    /// Index of the group. The first label of each group is a parent of the others, and has the group's index as rank.
    pub(crate) group: usize,
    pub(crate) parents: Vec<&'static str>,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) category: &'static str,
    /// True if detections may have instances with bounding boxes.
    pub(crate) boxes: bool,
}

/// Returns the label with a rank in descending frequency, counted from 0. The ranks alternate between the categories,
/// so that any number of labels is a mixture of all categories.
pub(crate) fn label(rank: usize) -> Label {
    let total: usize = GROUPS.iter().map(|group| group.names.len()).sum();
    let (index, name) = nth_in_turn(rank % total);
    let group = &GROUPS[index];
    let name = match rank / total {
        0 => name.to_owned(),
        round => format!("{name} {}", round + 1),
    };
    let aliases = ALIASES.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, aliases)| aliases);
    // One parent of a group is its first label, whose parents are those before it.
    let parents = group.parents.iter().copied().take_while(|parent| *parent != name).collect();
    Label { name, group: index, parents, aliases, category: group.category, boxes: group.boxes }
}

/// Returns the index of the group and the name of the n-th label, in this order: the first name of each group, then the
/// second name of each group, and so on.
#[expect(clippy::expect_used, reason = "the only caller stays below the number of names")]
fn nth_in_turn(n: usize) -> (usize, &'static str) {
    let longest = GROUPS.iter().map(|group| group.names.len()).max().unwrap_or_default();
    let in_turn = |turn| {
        GROUPS.iter().enumerate().filter_map(move |(group, Group { names, .. })| Some((group, *names.get(turn)?)))
    };
    let turns = (0..longest).flat_map(in_turn);
    let mut rest = turns.skip(n);
    rest.next().expect("n is below the number of names")
}

struct Group {
    category: &'static str,
    parents: &'static [&'static str],
    boxes: bool,
    names: &'static [&'static str],
}

const fn group(
    category: &'static str,
    parents: &'static [&'static str],
    boxes: bool,
    names: &'static [&'static str],
) -> Group {
    Group { category, parents, boxes, names }
}

#[rustfmt::skip]
const GROUPS: &[Group] = &[
    group("Person Description", &["Person"], true, &[
        "Person", "Adult", "Man", "Woman", "Male", "Female", "Child", "Boy", "Girl", "Baby", "Teen", "Bride", "Groom",
        "People", "Crowd", "Family", "Couple", "Face", "Head", "Hand", "Finger", "Neck", "Back", "Arm", "Ankle",
    ]),
    group("Vehicles and Automotive", &["Transportation", "Vehicle"], true, &[
        "Vehicle", "Car", "Truck", "Bus", "Bicycle", "Motorcycle", "Train", "Boat", "Airplane", "Helicopter", "Van",
        "Taxi", "Tram", "Sports Car", "Police Car", "Fire Truck", "School Bus", "Canoe", "Ferry", "Yacht", "Tank",
        "Tractor", "Bullet Train", "Hot Air Balloon", "Pickup Truck", "Scooter", "Wheel", "License Plate",
        "Alloy Wheel",
    ]),
    group("Buildings and Architecture", &["Architecture", "Building"], true, &[
        "Building", "House", "Tower", "Office Building", "Skyscraper", "Bridge", "Castle", "Church", "Cathedral",
        "Mosque", "Temple", "Dome", "Arch", "Monastery", "Lighthouse", "Apartment Building", "Housing", "Villa",
        "Cottage", "Hotel", "Hospital", "Factory", "Warehouse", "Garage", "Shelter", "Hangar", "Stadium", "Pagoda",
        "Spire", "Bell Tower",
    ]),
    group("Animals and Pets", &["Animal", "Mammal"], true, &[
        "Animal", "Dog", "Cat", "Horse", "Cow", "Sheep", "Pig", "Goat", "Elephant", "Bear", "Zebra", "Giraffe", "Lion",
        "Tiger", "Monkey", "Rabbit", "Mouse", "Deer", "Wolf", "Fox", "Camel", "Whale", "Dolphin", "Husky",
        "Golden Retriever", "Chow Chow", "Shih Tzu", "Saint Bernard", "Bengal Cat", "Siamese", "Guinea Pig",
        "Polar Bear", "Hippo",
    ]),
    group("Nature and Outdoors", &["Nature", "Outdoors"], false, &[
        "Outdoors", "Sky", "Sea", "Water", "Mountain", "Beach", "Forest", "River", "Lake", "Desert", "Field",
        "Grassland", "Countryside", "Cliff", "Canyon", "Valley", "Waterfall", "Glacier", "Volcano", "Island", "Coast",
        "Shoreline", "Jungle", "Rainforest", "Night", "Sunset", "Horizon", "Cloud", "Cumulus", "Moon", "Snow", "Ice",
        "Rock", "Sand", "Soil", "Slope",
    ]),
    group("Apparel and Accessories", &["Accessories", "Clothing"], true, &[
        "Clothing", "Shoe", "Hat", "Coat", "Shirt", "Jeans", "Dress", "Glasses", "Sunglasses", "Handbag", "Watch",
        "Wristwatch", "Ring", "Necklace", "Earring", "Helmet", "Glove", "Scarf", "Sneaker", "T-Shirt", "Lab Coat",
        "Wedding Gown", "High Heel", "Tie", "Bow Tie", "Suit", "Formal Wear", "Kimono", "Sari", "Vest", "Jewelry",
        "Baseball Cap", "Hard Hat",
    ]),
    group("Sports", &["Sport"], true, &[
        "Sport", "Football", "American Football", "American Football (Ball)", "Basketball", "Basketball (Ball)",
        "Baseball", "Baseball Bat", "Tennis", "Tennis Ball", "Tennis Racket", "Golf", "Golf Ball", "Golf Club",
        "Soccer", "Soccer Ball", "Rugby", "Cricket", "Hockey", "Ice Hockey", "Ice Hockey Puck", "Ski", "Snowboard",
        "Skateboard", "Surfboard", "Volleyball (Ball)", "Bowling", "Boxing", "Fencing", "Cycling", "Swimming",
        "Paragliding", "Judo (Sport)",
    ]),
    group("Food and Beverage", &["Food"], true, &[
        "Food", "Fruit", "Apple", "Banana", "Orange", "Pizza", "Burger", "Hot Dog", "Sandwich", "Cake", "Bread",
        "Cheese", "Egg", "Ice Cream", "Coffee", "Coffee Cup", "Wine", "Beer", "Bottle", "Pineapple", "Strawberry",
        "Crème Brûlée", "Pâté", "Jalapeño", "Açai Bowl", "Sushi", "Noodle", "Pasta", "Steak", "Salad", "Soup Bowl",
        "French Fries", "Whisky",
    ]),
    group("Furniture and Furnishings", &["Home Decor", "Interior Design", "Furniture"], true, &[
        "Furniture", "Chair", "Table", "Couch", "Bed", "Desk", "Lamp", "Cushion", "Pillow", "Rug", "Bookcase", "Shelf",
        "Cabinet", "Dining Table", "Coffee Table", "Armchair", "Crib", "Bench", "Mirror", "Curtain", "Painting",
        "Flower Vase", "Potted Plant", "Jar", "Tub", "Bathtub", "Toilet", "Sink Faucet",
    ]),
    group("Technology and Computing", &["Hardware", "Electronics"], true, &[
        "Electronics", "Mobile Phone", "Computer", "Laptop", "Monitor", "Screen", "Computer Keyboard", "TV", "Camera",
        "Speaker", "Headphones", "Microphone", "Remote Control", "Tablet Computer", "Printer", "Projector", "Joystick",
        "Video Gaming", "Ipod", "Modem", "Router", "Computer Hardware", "Cell Phone", "Pc", "Server", "Mouse Pad",
        "Webcam",
    ]),
    group("Popular Landmarks", &["Architecture", "Landmark"], false, &[
        "Landmark", "St. Peter's Basilica", "Caño Cristales", "Eiffel Tower", "Taj Mahal", "Big Ben", "Colosseum",
        "Sagrada Família", "Brandenburg Gate", "Neuschwanstein Castle", "Angkor Wat", "Machu Picchu", "Mount Fuji",
        "Golden Gate Bridge", "Statue of Liberty", "Sydney Opera House", "Hagia Sophia", "Christ the Redeemer",
        "St. Mark's Square", "Palácio da Pena", "Château de Chambord", "Petra (Jordan)", "Arc de Triomphe",
    ]),
    group("Events and Attractions", &["Event"], false, &[
        "Event", "Concert", "Wedding", "Farmer's Market", "Festival", "Parade", "Carnival", "Circus", "Fireworks",
        "New Year's Eve", "Halloween", "Valentine's Day", "Party", "Birthday Party", "Night Life", "Amusement Park",
        "Ferris Wheel", "Roller Coaster", "Theme Park", "Museum", "Art Gallery", "Theater", "Stage", "Speech",
        "Press Conference",
    ]),
    group("Plants and Flowers", &["Nature", "Plant"], true, &[
        "Plant", "Tree", "Flower", "Rose", "Sunflower", "Tulip", "Daisy", "Palm Tree", "Pine", "Oak", "Grass", "Fern",
        "Cactus", "Moss", "Leaf", "Vegetation", "Bonsai", "Orchid", "Lily", "Petal", "Woodland", "Conifer", "Ivy",
        "Bamboo",
    ]),
    group("Home and Indoors", &["Indoors"], false, &[
        "Indoors", "Room", "Kitchen", "Bedroom", "Living Room", "Bathroom", "Dining Room", "Classroom", "Office",
        "Conference Room", "Meeting Room", "Lobby", "Corridor", "Library", "Restaurant", "Cafeteria", "Pub", "Shop",
        "Supermarket", "Gym", "Studio",
    ]),
];

/// Aliases of labels, at most two per label.
const ALIASES: &[(&str, &[&str])] = &[
    ("Person", &["Human"]),
    ("Car", &["Automobile"]),
    ("Airplane", &["Aircraft", "Plane"]),
    ("Bicycle", &["Bike"]),
    ("Motorcycle", &["Motorbike"]),
    ("Dog", &["Canine"]),
    ("Cat", &["Feline"]),
    ("Cow", &["Cattle", "Bull"]),
    ("Building", &["Edifice"]),
    ("Skyscraper", &["High Rise"]),
    ("Sea", &["Ocean"]),
    ("Coast", &["Seaside", "Seashore"]),
    ("Shoe", &["Footwear"]),
    ("Coat", &["Jacket"]),
    ("Couch", &["Sofa"]),
    ("TV", &["Television"]),
    ("Mobile Phone", &["Phone", "Cellphone"]),
    ("Tree", &["Trunk"]),
    ("Flower", &["Blossom"]),
    ("Concert", &["Gig"]),
    ("Soccer", &["Association Football"]),
    ("Crowd", &["Audience"]),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::label;

    #[test]
    fn names_are_unique_ignoring_case() {
        let names: HashSet<String> = (0..5_000).map(|rank| label(rank).name.to_lowercase()).collect();
        assert_eq!(names.len(), 5_000);
    }

    #[test]
    fn names_with_special_characters_are_among_the_first() {
        let names: HashSet<String> = (0..220).map(|rank| label(rank).name).collect();
        for name in
            ["Person", "Car", "Farmer's Market", "American Football (Ball)", "Caño Cristales", "St. Peter's Basilica"]
        {
            assert!(names.contains(name), "{name}");
        }
        assert_eq!(label(0).name, "Person");
    }

    #[test]
    fn lists_are_as_long_as_real_ones() {
        for label in (0..400).map(label) {
            let first = super::label(label.group).name;
            // The first label of a group is a parent of the others. It may be without parents itself.
            let is_first = label.name == first;
            assert!((usize::from(!is_first)..=3).contains(&label.parents.len()), "{label:?}");
            assert_ne!(label.parents.contains(&&*first), is_first, "{label:?}");
            assert!(label.aliases.len() <= 2, "{label:?}");
            assert!(label.name.chars().count() <= 40, "{label:?}");
        }
    }
}
