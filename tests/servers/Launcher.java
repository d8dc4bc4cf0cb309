import java.io.IOException;
import java.io.Reader;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Starts one Elasticsearch or OpenSearch node inside this JVM, from nothing but jars on the class path.
 *
 * In: the package both families differ in (org.elasticsearch, org.opensearch), the home directory (with config/),
 * and the classes of the plugins to have. All by reflection: one file for every version, nothing to compile against.
 *
 * Holds: ends, and removes the home directory, when standard input ends. The starting process holds the other end of
 * that pipe, so a server can't outlive it, however it dies.
 */
public final class Launcher {
    private final String root;
    private final Path home;

    private Launcher(String root, Path home) {
        this.root = root;
        this.home = home;
    }

    public static void main(String[] args) throws Exception {
        Launcher launcher = new Launcher(args[0], Path.of(args[1]));
        Thread watch = new Thread(launcher::endWithParent, "end-with-parent");
        watch.setDaemon(true);
        watch.start();
        Object node = launcher.node(List.of(args).subList(2, args.length));
        node.getClass().getMethod("start").invoke(node);
        Thread.currentThread().join();
    }

    private Object node(List<String> plugins) throws Exception {
        if (has("plugins.PluginsLoader")) {
            return nodeWithModules();
        }
        Object environment = environment();
        Constructor<?> create = type("node.Node")
            .getDeclaredConstructor(type("env.Environment"), Collection.class, boolean.class);
        create.setAccessible(true);
        boolean wantsInfos = create.getGenericParameterTypes()[1].getTypeName().contains("PluginInfo");
        List<Object> classes = new ArrayList<>();
        for (String plugin : plugins) {
            Class<?> found = Class.forName(plugin);
            classes.add(wantsInfos ? pluginInfo(found) : found);
        }
        return create.newInstance(environment, classes, true);
    }

    /** Elasticsearch 8 knows plugins only as directories: home/modules/NAME with a descriptor and jars. */
    private Object nodeWithModules() throws Exception {
        // Its loggers are an own façade that has to be connected before the first class wants one.
        type("common.logging.LogConfigurator").getMethod("configureESLogging").invoke(null);
        Class<?> loader = type("plugins.PluginsLoader");
        Object modules = loader.getMethod("loadModulesBundles", Path.class).invoke(null, home.resolve("modules"));
        Object plugins = loader.getMethod("createPluginsLoader", Set.class, Set.class, Map.class, boolean.class)
            .invoke(null, modules, Set.of(), Map.of(), false);
        return type("node.Node").getConstructor(type("env.Environment"), loader).newInstance(environment(), plugins);
    }

    /** Everything else stands in the configuration file below home/config. */
    private Object environment() throws Exception {
        Class<?> settings = type("common.settings.Settings");
        Method prepare = type("node.InternalSettingsPreparer")
            .getMethod("prepareEnvironment", settings, Map.class, Path.class, Supplier.class);
        Supplier<String> defaultName = () -> "node";
        return prepare.invoke(null, secrets(settings), Map.of("path.home", home.toString()), home.resolve("config"),
            defaultName);
    }

    /** What home/config/secrets.properties holds, as if it were in the keystore. */
    private Object secrets(Class<?> settings) throws Exception {
        Properties secrets = new Properties();
        try (Reader file = Files.newBufferedReader(home.resolve("config/secrets.properties"))) {
            secrets.load(file);
        }
        if (secrets.isEmpty()) {
            return settings.getField("EMPTY").get(null);
        }
        Class<?> keystore = type("common.settings.KeyStoreWrapper");
        Object keys = keystore.getMethod("create").invoke(null);
        for (String name : secrets.stringPropertyNames()) {
            char[] value = secrets.getProperty(name).toCharArray();
            keystore.getMethod("setString", String.class, char[].class).invoke(keys, name, value);
        }
        Object builder = settings.getMethod("builder").invoke(null);
        builder.getClass().getMethod("setSecureSettings", type("common.settings.SecureSettings")).invoke(builder, keys);
        return builder.getClass().getMethod("build").invoke(builder);
    }

    /** OpenSearch 3 wants a description in place of the class. */
    private Object pluginInfo(Class<?> plugin) throws Exception {
        Class<?> version = type("Version");
        return type("plugins.PluginInfo")
            .getConstructor(String.class, String.class, String.class, version, String.class, String.class,
                String.class, List.class, boolean.class)
            .newInstance(plugin.getName(), "on the class path", "NA", version.getField("CURRENT").get(null), "21",
                plugin.getName(), null, List.of(), false);
    }

    private Class<?> type(String name) throws ClassNotFoundException {
        return Class.forName(root + "." + name);
    }

    private boolean has(String name) {
        try {
            Class.forName(root + "." + name, false, getClass().getClassLoader());
            return true;
        } catch (ClassNotFoundException absent) {
            return false;
        }
    }

    private void endWithParent() {
        try {
            while (System.in.read() >= 0) {}
        } catch (IOException closed) {
            // as good as its end
        }
        try (Stream<Path> paths = Files.walk(home)) {
            paths.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        } catch (IOException | RuntimeException changing) {
            // The node still writes; what stays behind lies in the directory for temporary files.
        }
        Runtime.getRuntime().halt(0);
    }
}
